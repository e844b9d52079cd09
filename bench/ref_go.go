// Go: a goroutine a client.  The first argument is the port, a second one,
// "copy", asks for io.Copy (which splices) in place of a loop of its own.
package main

import (
	"io"
	"log"
	"net"
	"os"
)

func loop(conn net.Conn) {
	buffer := make([]byte, 65536)
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			if _, err := conn.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func serve(conn net.Conn, byCopy bool) {
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetReadBuffer(256 * 1024)
		tcp.SetWriteBuffer(256 * 1024)
	}
	if byCopy {
		io.Copy(conn, conn)
	} else {
		loop(conn)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	byCopy := len(os.Args) > 2 && os.Args[2] == "copy"
	for {
		conn, err := listener.Accept()
		if err == nil {
			go serve(conn, byCopy)
		}
	}
}
