package parloir

import (
	"time"

	"parloir/internal/contract/imports/parloir_agent_clock"
	"parloir/internal/contract/imports/parloir_agent_log"
	"parloir/internal/contract/imports/parloir_agent_random"
	"parloir/internal/contract/imports/parloir_agent_types"
)

// Time is civil time in the line's time zone, to the minute. The zero value is no time.
type Time struct {
	Year   int
	Month  time.Month
	Day    int
	Hour   int
	Minute int
}

// IsZero says whether it is no time.
func (t Time) IsZero() bool { return t == Time{} }

// TimeFrom is for the packages of this module.
func TimeFrom(t parloir_agent_types.LocalTime) Time {
	return Time{int(t.Year), time.Month(t.Month), int(t.Day), int(t.Hour), int(t.Minute)}
}

// Local is for the packages of this module.
func (t Time) Local() parloir_agent_types.LocalTime {
	return parloir_agent_types.LocalTime{
		Year: int32(t.Year), Month: uint8(t.Month), Day: uint8(t.Day), Hour: uint8(t.Hour), Minute: uint8(t.Minute),
	}
}

// Now is civil time in the line's time zone.
func Now() Time { return TimeFrom(parloir_agent_clock.Now()) }

// Weekday is the day of the week now.
func Weekday() time.Weekday { return time.Weekday(parloir_agent_clock.Weekday() % 7) }

// Elapsed is the time since the call was answered.
func Elapsed() time.Duration {
	return time.Duration(parloir_agent_clock.Elapsed()) * time.Millisecond
}

// Random is so many random bytes, at most 4096. Go's own sources of chance are the same in every call.
func Random(count int) []byte {
	return parloir_agent_random.Bytes(uint32(min(max(count, 0), 4096)))
}

// Debug writes a note of little weight to the call's journal; over 2000 characters it is cut.
func Debug(message string) { parloir_agent_log.Write(parloir_agent_log.Level_Debug, message) }

// Info writes a note to the call's journal.
func Info(message string) { parloir_agent_log.Write(parloir_agent_log.Level_Info, message) }

// Warn writes of something amiss to the call's journal.
func Warn(message string) { parloir_agent_log.Write(parloir_agent_log.Level_Warn, message) }

// Error writes of something wrong to the call's journal.
func Error(message string) { parloir_agent_log.Write(parloir_agent_log.Level_Error, message) }
