;; Reads the memory of the neighbouring tenant under the spelling {key}: nothing is there, because its keys do not exist here.
;; each key: secret | anne/secret | anne:secret | ../anne/secret | anne\01secret | anne\02secret | \01anne\01secret | /anne/memory/secret | tenant=anne&key=secret | SECRET | secret%00 | %73ecret | anne.secret | *
;; ends: done
(data (i32.const 4096) "{key}\00")
(func $attack (param $info i32)
  (call $memory.get (i32.const 4096) (call $len (i32.const 4096)) (i32.const 512))
  ;; An answer, and a value in it.
  (if (i32.and (i32.eqz (call $refused)) (i32.load8_u (i32.const 516))) (then (call $escaped))))
