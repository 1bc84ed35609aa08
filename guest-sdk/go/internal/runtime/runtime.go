// Package runtime is what the generated bindings need of memory: room for arguments, and room that the
// host asks for to put its answers in.
package runtime

import (
	"runtime"
	"unsafe"
)

// Allocate gives size bytes aligned to align, kept where they are until the pinner lets go.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	pointer := room(size, align)
	if pointer != nil {
		pinner.Pin(pointer)
	}
	return pointer
}

// room is memory without Go pointers in it.
func room(size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	switch {
	case align == 1:
		return unsafe.Pointer(unsafe.SliceData(make([]uint8, size)))
	case align == 2:
		return unsafe.Pointer(unsafe.SliceData(make([]uint16, (size+1)/2)))
	case align == 4:
		return unsafe.Pointer(unsafe.SliceData(make([]uint32, (size+3)/4)))
	default:
		return unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	}
}

// answers keeps what the host wrote: between its return and the bindings' reading, the only reference to
// it is a number. It is kept to the end of the call, which is the end of the instance.
var answers []unsafe.Pointer

// Unpin has nothing to let go: see answers.
func Unpin() {}

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	pointer := room(size, align)
	if old != nil && oldSize > 0 {
		copy(unsafe.Slice((*byte)(pointer), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	}
	answers = append(answers, pointer)
	return pointer
}
