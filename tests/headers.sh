#!/bin/sh
# Every header of src compiles alone, after config.h.
set -u
failed=0

for header in "$SRCDIR"/src/*.h; do
    printf '#include <config.h>\n#include "%s"\n' "${header##*/}" |
        $CC -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
            -I"$BUILDDIR" -I"$SRCDIR/src" -x c - || {
        echo "$header does not compile alone"
        failed=1
    }
done
exit "$failed"
