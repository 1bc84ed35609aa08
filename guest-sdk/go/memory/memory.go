// Package memory is the tenant's key-value storage: what one call leaves for the next. Keys up to 256
// bytes, values up to 3 KiB.
package memory

import (
	"parloir"
	host "parloir/internal/contract/imports/parloir_agent_memory"
	witTypes "parloir/internal/types"
)

// Get is the value of a key; ok is false when there is none.
func Get(key string) (value []byte, ok bool, err error) {
	found, err := parloir.Granted(host.Get(key))
	value, ok = found.Get()
	return value, ok, err
}

// Set sets it. It is durable on return.
func Set(key string, value []byte) error {
	_, err := parloir.Granted(host.Set(key, value))
	return err
}

// CompareAndSet sets it if the present value is expected (nil: if there is none yet), and says whether it
// did.
func CompareAndSet(key string, expected, value []byte) (bool, error) {
	before := witTypes.None[[]uint8]()
	if expected != nil {
		before = witTypes.Some(expected)
	}
	return parloir.Granted(host.CompareAndSet(key, before, value))
}

// Delete forgets it. Deleting what is not there is no error.
func Delete(key string) error {
	_, err := parloir.Granted(host.Delete(key))
	return err
}
