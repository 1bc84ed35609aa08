;; Neither speaks nor listens, and asks for something cheap again and again so as to look alive: the caller is not left in silence.
;; ends: budget
(func $attack (param $info i32)
  (local $n i32)
  (loop $again
    ;; A document that is not there costs the host an errand and the agent nothing.
    (call $documents.read (i32.const 4096) (call $len (i32.const 4096)) (i32.const 512))
    (br_if $again (i32.lt_u (call $clock.elapsed) (i32.const 60000)))))
(data (i32.const 4096) "nothing.txt\00")
