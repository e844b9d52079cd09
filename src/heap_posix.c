#include <config.h>

#include "heap.h"

/* Others give back what they can as it is freed, or never. */
void heap_trim(void)
{
}
