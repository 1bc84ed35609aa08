// Package calendar is the tenant's appointments. Two callers never get one slot. Everything is refused
// with parloir.ErrUnavailable when the line has no calendar, and with parloir.ErrNotPermitted without the
// capability parloir.Calendar.
package calendar

import (
	"time"

	"parloir"
	host "parloir/internal/contract/imports/parloir_agent_calendar"
	"parloir/internal/contract/imports/parloir_agent_types"
	witTypes "parloir/internal/types"
)

// Wanted is which slots are. What is left zero does not constrain.
type Wanted struct {
	// From: not before this instant.
	From parloir.Time
	// Until: before this instant.
	Until parloir.Time
	// Weekdays: only these.
	Weekdays []time.Weekday
	// Earliest: not before this time of day, in minutes after midnight.
	Earliest int
	// Latest: begins before this time of day, in minutes after midnight.
	Latest int
	// Limit: at most so many, soonest first, 1 to 50; 2 where it is zero.
	Limit int
}

// Slot is a time that is free, or taken by an appointment.
type Slot struct {
	// ID names it to Book and Reschedule.
	ID      string
	Start   parloir.Time
	Minutes int
}

// Contact is who an appointment is for.
type Contact struct {
	Name string
	// Phone is E.164; empty when not known.
	Phone string
}

// Appointment is a slot that somebody has.
type Appointment struct {
	// Reference is short enough to read aloud: six letters and digits.
	Reference string
	Slot      Slot
	Contact   Contact
	Motive    string
}

// Free is the free slots that are wanted, soonest first.
func Free(wanted Wanted) ([]Slot, error) {
	limit := wanted.Limit
	if limit == 0 {
		limit = 2
	}
	days := make([]parloir_agent_types.Weekday, len(wanted.Weekdays))
	for i, day := range wanted.Weekdays {
		days[i] = uint8((day + 6) % 7)
	}
	found, err := parloir.Granted(host.Free(host.Wanted{
		From:     instant(wanted.From),
		Until:    instant(wanted.Until),
		Weekdays: days,
		Earliest: minutes(wanted.Earliest),
		Latest:   minutes(wanted.Latest),
		Limit:    uint8(min(max(limit, 0), 255)),
	}))
	if err != nil {
		return nil, err
	}
	slots := make([]Slot, len(found))
	for i, slot := range found {
		slots[i] = slotFrom(slot)
	}
	return slots, nil
}

// Book books a slot; ok is false when somebody was quicker, and nothing was booked.
func Book(slot string, contact Contact, motive string) (appointment Appointment, ok bool, err error) {
	return booked(host.Book(slot, ContactTo(contact), motive))
}

// Reschedule moves an appointment: either it has the new slot, or ok is false and it keeps the old one.
func Reschedule(reference, slot string) (appointment Appointment, ok bool, err error) {
	return booked(host.Move(reference, slot))
}

// Find is the coming appointments under a telephone number, E.164.
func Find(phone string) ([]Appointment, error) {
	found, err := parloir.Granted(host.Find(phone))
	if err != nil {
		return nil, err
	}
	appointments := make([]Appointment, len(found))
	for i, appointment := range found {
		appointments[i] = appointmentFrom(appointment)
	}
	return appointments, nil
}

// Cancel cancels an appointment; false when there is none of that reference.
func Cancel(reference string) (bool, error) { return parloir.Granted(host.Cancel(reference)) }

func booked(result witTypes.Result[host.Booked, parloir_agent_types.Refusal]) (Appointment, bool, error) {
	booked, err := parloir.Granted(result)
	if err != nil || booked.Tag() == host.Booked_Taken {
		return Appointment{}, false, err
	}
	return appointmentFrom(booked.Confirmed()), true, nil
}

func instant(t parloir.Time) witTypes.Option[parloir_agent_types.LocalTime] {
	if t.IsZero() {
		return witTypes.None[parloir_agent_types.LocalTime]()
	}
	return witTypes.Some(t.Local())
}

func minutes(after int) witTypes.Option[uint16] {
	if after <= 0 {
		return witTypes.None[uint16]()
	}
	return witTypes.Some(uint16(min(after, 0xffff)))
}

func slotFrom(slot host.Slot) Slot {
	return Slot{slot.Id, parloir.TimeFrom(slot.Start), int(slot.Minutes)}
}

func appointmentFrom(a host.Appointment) Appointment {
	return Appointment{a.Reference, slotFrom(a.Slot), Contact{a.Contact.Name, a.Contact.Phone.Some()}, a.Motive}
}

// ContactTo is for the packages of this module.
func ContactTo(contact Contact) host.Contact {
	phone := witTypes.None[string]()
	if contact.Phone != "" {
		phone = witTypes.Some(contact.Phone)
	}
	return host.Contact{Name: contact.Name, Phone: phone}
}

// AppointmentTo is for the packages of this module.
func AppointmentTo(a Appointment) host.Appointment {
	return host.Appointment{
		Reference: a.Reference,
		Slot:      host.Slot{Id: a.Slot.ID, Start: a.Slot.Start.Local(), Minutes: uint16(a.Slot.Minutes)},
		Contact:   ContactTo(a.Contact),
		Motive:    a.Motive,
	}
}
