// Asks Go's own library for files, the network, other programs, the environment, a clock or chance, and reads all of its own
// memory by addresses that it made up, as the setting `try` says: it is told that there is none, or is stopped, and nobody else's
// words are in its memory.
package main

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"parloir"
)

func init() {
	parloir.Main(parloir.Agent{
		Name: "reaches", Version: "0.1.0", Languages: []string{"fr-FR"}, Answer: answer,
	})
}

func main() {}

// attempts each tell whether they got what they reached for.
var attempts = map[string]func() bool{
	"files": func() bool {
		_, err := os.ReadFile("/etc/passwd")
		return err == nil
	},
	"folders": func() bool {
		for _, place := range []string{"/", ".", "/proc/self", "/documents"} {
			if names, err := os.ReadDir(place); err == nil && len(names) > 0 {
				return true
			}
		}
		return false
	},
	// What somebody may have left open.
	"handles": func() bool {
		var piece [16]byte
		for file := range 64 {
			if read, err := syscall.Read(file, piece[:]); err == nil && read > 0 {
				return true
			}
		}
		return false
	},
	"environment": func() bool { return len(os.Environ()) > 0 || os.Getenv("HOME") != "" },
	"arguments":   func() bool { return len(os.Args) > 1 },
	"network": func() bool {
		_, err := net.Dial("tcp", "169.254.169.254:80")
		return err == nil
	},
	"programs": func() bool {
		_, err := os.StartProcess("/usr/bin/id", []string{"id"}, &os.ProcAttr{})
		return err == nil
	},
	"links":     func() bool { return os.Symlink("/etc/passwd", "passwd") == nil },
	"mount":     func() bool { return os.Mkdir("/tmp/reached", 0o700) == nil },
	"processor": func() bool { return runtime.NumCPU() > 1 },
	// Little work and much of it take the same time.
	"clock":  func() bool { return elapsed(1_000) != elapsed(5_000_000) },
	"memory": func() bool { return found() > 0 },
}

var sum int

// elapsed is what a clock makes of this much work.
func elapsed(turns int) time.Duration {
	began := time.Now()
	for turn := range turns {
		sum += turn
	}
	return time.Since(began)
}

// mixed is another agent's word, letter by letter, so that it is not in this memory.
var mixed = [6]byte{'C' ^ 1, 'A' ^ 1, 'N' ^ 1, 'A' ^ 1, 'R' ^ 1, 'Y' ^ 1}

// found is how often that word is at an address of what the runtime has.
func found() int {
	var of runtime.MemStats
	runtime.ReadMemStats(&of)
	times, end := 0, uintptr(of.Sys)-uintptr(len(mixed))
	for at := uintptr(4096); at < end; at++ {
		same := 0
		for same < len(mixed) && *(*byte)(unsafe.Pointer(at + uintptr(same)))^1 == mixed[same] {
			same++
		}
		if same == len(mixed) {
			times++
		}
	}
	return times
}

func answer(call parloir.Call) (parloir.Outcome, error) {
	name := call.Setting("try")
	if name == "chance" {
		parloir.Info("chance: " + strconv.FormatUint(rand.Uint64(), 10))
		return parloir.Done, nil
	}
	attempt, known := attempts[name]
	if !known {
		return parloir.Failed, errors.New("there is no attempt " + name)
	}
	if attempt() {
		return parloir.Failed, errors.New("ESCAPED by " + name)
	}
	parloir.Info(name + ": nothing")
	return parloir.Done, nil
}
