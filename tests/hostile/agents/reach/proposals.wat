;; Uses {what}, which no agent may: it is not compiled.
;; each what, module: memory of 64 bits = (memory i64 1) | shared memory = (memory 1 2 shared) | an atomic instruction = (memory 1) (func (drop (i32.atomic.load (i32.const 0)))) | relaxed vectors = (func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0)))) | structures with a collector = (type (struct (field i32))) | pages of one byte = (memory 1 (pagesize 1)) | a switch of stacks = (type $f (func)) (type $c (cont $f)) | arithmetic of 128 bits = (func (param i64 i64 i64 i64) (result i64 i64) (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
;; ends: unloadable compile
;; kind: component
(component (core module {module}))
