;; Sends a card's number to the model {how}: it is taken out before anything leaves.
;; each how, kind, tools: as the user = 1 = 0 | as the system = 0 = 0 | in a tool's description = 1 = 1
;; ends: done
(data (i32.const 4096) "\0{kind}\00\00\00\00\20\00\00\13\00\00\00\00\00\00\00\00\00\00\00")
(data (i32.const 4200) "\00\30\00\00\04\00\00\00\00\20\00\00\13\00\00\00\10\30\00\00\02\00\00\00")
(data (i32.const 8192) "4111 1111 1111 1111")
(data (i32.const 12288) "look")
(data (i32.const 12304) "{}")
(func $attack (param $info i32)
  (call $model.chat (i32.const 4096) (i32.const 1) (i32.const 64) (i32.const 0) (f32.const 0) (i32.const 4200) (i32.const {tools}) (i32.const 512))
  (if (call $refused) (then (unreachable))))
