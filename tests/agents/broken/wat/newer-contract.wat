(component (import "parloir:agent/clock@0.9.0" (instance (export "weekday" (func (result u8))))))
