package parloir

import (
	"errors"

	"parloir/internal/contract/imports/parloir_agent_types"
	witTypes "parloir/internal/types"
)

// What errors.Is tells a *Refusal apart by.
var (
	// ErrNotPermitted: the agent's description or the line's policy does not grant it.
	ErrNotPermitted = errors.New("not permitted")
	// ErrOverQuota: a quota of the call or of the tenant is used up.
	ErrOverQuota = errors.New("over quota")
	// ErrUnavailable: the thing asked for is not there, or its provider failed.
	ErrUnavailable = errors.New("unavailable")
	// ErrInvalid: the arguments are out of range.
	ErrInvalid = errors.New("invalid")
)

// Refusal is why the host did not do what was asked: nothing happened, and the agent may go on.
type Refusal struct {
	// Kind is one of the four errors above.
	Kind error
	// Reason is the host's own: how to be allowed, or what to change.
	Reason string
}

// Error is the reason.
func (r *Refusal) Error() string { return r.Reason }

// Unwrap is the kind, for errors.Is.
func (r *Refusal) Unwrap() error { return r.Kind }

// Granted is what the host answered, or the *Refusal. It is for the packages of this module.
func Granted[T any](result witTypes.Result[T, parloir_agent_types.Refusal]) (T, error) {
	value, refusal, refused := result.Get()
	if !refused {
		return value, nil
	}
	switch refusal.Tag() {
	case parloir_agent_types.Refusal_NotPermitted:
		return value, &Refusal{ErrNotPermitted, refusal.NotPermitted()}
	case parloir_agent_types.Refusal_OverQuota:
		return value, &Refusal{ErrOverQuota, refusal.OverQuota()}
	case parloir_agent_types.Refusal_Unavailable:
		return value, &Refusal{ErrUnavailable, refusal.Unavailable()}
	default:
		return value, &Refusal{ErrInvalid, refusal.Invalid()}
	}
}
