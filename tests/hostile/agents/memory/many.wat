;; Declares more memories than any language needs, to empty the pool they come from: it is not loaded.
;; ends: unloadable memories
(memory $b 1) (memory $c 1) (memory $d 1) (memory $e 1) (memory $f 1)
(func $attack (param $info i32))
