;; A WIT package in binary form: what `wasm-tools component wit --wasm` writes.
(component
  (type (component
    (type (component
      (type (instance (type (func (result u8))) (export "weekday" (func (type 0)))))
      (export "parloir:agent/clock@0.1.0" (instance (type 0)))))
    (export "parloir:agent/tiny@0.1.0" (component (type 0)))))
  (export "tiny" (type 0))
)
