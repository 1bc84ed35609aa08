;; Declares several memories, each within the limit: all of an agent's memories count together, and it is not loaded.
;; ends: unloadable memor
(memory $second 300)
(memory $third 300)
(func $attack (param $info i32))
