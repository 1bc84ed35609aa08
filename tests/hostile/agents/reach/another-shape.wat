;; Imports a function of the contract in another shape, so as to read what it is not given: it is not loaded.
;; each shape: memory@0.1.0" (instance (export "get" (func (param "key" string) (result string)))) | memory@0.1.0" (instance (export "get" (func (param "tenant" string) (param "key" string) (result (option (list u8)))))) | call@0.1.0" (instance (export "hang-up" (func (param "call" string)))) | clock@0.1.0" (instance (export "elapsed" (func (result u64)))) | random@0.1.0" (instance (export "bytes" (func (param "count" u64) (result (list u8)))))
;; ends: unloadable world
;; kind: component
(component (import "parloir:agent/{shape}))
