// Package report is what the tenant reads after the call. Set as the call goes: a call cut short still
// files what was known, and a field set again replaces the one before. Refused: parloir.ErrInvalid for a
// text over 2000 characters or more than 64 fields.
package report

import (
	"parloir"
	"parloir/calendar"
	host "parloir/internal/contract/imports/parloir_agent_report"
	witTypes "parloir/internal/types"
)

// State is how the call went.
type State uint8

const (
	// Resolved: the caller got what the call was for.
	Resolved State = iota
	// Booked: an appointment stands.
	Booked
	// CallBack: somebody has to ring back.
	CallBack
	// HandedOver: a human took over.
	HandedOver
	// Abandoned: the caller left before the end.
	Abandoned
	// OutOfScope: not for this line.
	OutOfScope
)

// Contact files who called.
func Contact(contact calendar.Contact) error {
	return set(host.MakeFieldContact(calendar.ContactTo(contact)))
}

// Need files what for.
func Need(text string) error { return set(host.MakeFieldNeed(text)) }

// Appointment files the appointment that stands.
func Appointment(appointment calendar.Appointment) error {
	return set(host.MakeFieldAppointment(calendar.AppointmentTo(appointment)))
}

// Status files how it went.
func Status(state State) error { return set(host.MakeFieldStatus(uint8(state))) }

// Summary files the call in a sentence or two.
func Summary(text string) error { return set(host.MakeFieldSummary(text)) }

// Other files a field of the tenant's own.
func Other(name, value string) error {
	return set(host.MakeFieldOther(witTypes.Tuple2[string, string]{F0: name, F1: value}))
}

func set(field host.Field) error {
	_, err := parloir.Granted(host.Set(field))
	return err
}
