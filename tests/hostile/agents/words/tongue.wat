;; Speaks once in a language that no voice has, and dies: the caller hears the line's sentence all the same, in the line's language.
;; ends: trap unreachable
;; heard: yes
(data (i32.const 4096) "zz-ZZ")
(func $attack (param $info i32)
  (call $call.say (i32.const 64) (i32.const 7) (i32.const 0) (i32.const 1) (i32.const 4096) (i32.const 5) (i32.const 512))
  (unreachable))
