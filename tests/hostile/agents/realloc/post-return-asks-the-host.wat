;; Asks the host for something after its outcome is given: it traps, and nothing is done for it.
;; ends: trap cannot leave
(func (export "cabi_post_answer") (param $outcome i32) (drop (call $clock.elapsed)))
(func $attack (param $info i32))
