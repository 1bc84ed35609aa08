;; Uses a connector that leads to {where}: nothing is sent there, and what is there is not told.
;; each where, name: another address of this machine = private | the metadata service = metadata
;; ends: done
;; refused: connectors.send unavailable
(data (i32.const 4096) "{name}\00")
(data (i32.const 5120) "list\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  (call $must-refuse))
