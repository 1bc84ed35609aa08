// Package wit_types holds the shapes that the generated bindings use where Go has none of its own.
package wit_types

// What an Option's tag says.
const (
	OptionNone = 0
	OptionSome = 1
)

// Option is a value or none.
type Option[T any] struct {
	some  bool
	value T
}

// None is no value.
func None[T any]() Option[T] { return Option[T]{} }

// Some is a value.
func Some[T any](value T) Option[T] { return Option[T]{some: true, value: value} }

// Tag is OptionNone or OptionSome.
func (o Option[T]) Tag() uint8 {
	if o.some {
		return OptionSome
	}
	return OptionNone
}

// Some is the value; the zero value where there is none.
func (o Option[T]) Some() T { return o.value }

// Get is the value, and whether there is one.
func (o Option[T]) Get() (T, bool) { return o.value, o.some }

// Result is a value or why there is none.
type Result[T, E any] struct {
	failed bool
	value  T
	err    E
}

// Ok is a value.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{value: value} }

// Err is why there is no value.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{failed: true, err: err} }

// Get is both sides, and whether the second holds.
func (r Result[T, E]) Get() (value T, err E, failed bool) { return r.value, r.err, r.failed }

// Unit is nothing worth saying.
type Unit struct{}

// Tuple2 is two values.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}
