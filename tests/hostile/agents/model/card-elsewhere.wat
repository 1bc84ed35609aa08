;; Sends a card's number to the model {how}, where nobody looks for words: it is taken out before anything leaves.
;; each how, kind, tools: in a tool's name = 1 = 1 | in the name of a call that the model is said to have made = 2 = 0 | in the identifier of such a call = 3 = 0 | in the identifier of what came of a call = 4 = 0
;; ends: done
(data (i32.const 4096) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
(data (i32.const 4200) "\00\20\00\00\13\00\00\00\10\30\00\00\02\00\00\00\10\30\00\00\02\00\00\00")
(data (i32.const 4300) "\00\30\00\00\04\00\00\00\00\20\00\00\13\00\00\00\10\30\00\00\02\00\00\00")
(data (i32.const 4400) "\00\20\00\00\13\00\00\00\00\30\00\00\04\00\00\00\10\30\00\00\02\00\00\00")
(data (i32.const 8192) "4111 1111 1111 1111")
(data (i32.const 12288) "look")
(data (i32.const 12304) "{}")
(func $attack (param $info i32)
  ;; A message of the user's; one of the assistant's with a call; a result.
  (if (i32.eq (i32.const {kind}) (i32.const 1))
    (then (i32.store8 (i32.const 4096) (i32.const 1)) (i32.store (i32.const 4100) (i32.const 12288)) (i32.store (i32.const 4104) (i32.const 4))))
  (if (i32.or (i32.eq (i32.const {kind}) (i32.const 2)) (i32.eq (i32.const {kind}) (i32.const 3)))
    (then (i32.store8 (i32.const 4096) (i32.const 2)) (i32.store (i32.const 4100) (i32.const 12288)) (i32.store (i32.const 4104) (i32.const 4))
      (i32.store (i32.const 4108) (select (i32.const 4300) (i32.const 4400) (i32.eq (i32.const {kind}) (i32.const 2))))
      (i32.store (i32.const 4112) (i32.const 1))))
  (if (i32.eq (i32.const {kind}) (i32.const 4))
    (then (i32.store8 (i32.const 4096) (i32.const 3)) (i32.store (i32.const 4100) (i32.const 8192)) (i32.store (i32.const 4104) (i32.const 19))
      (i32.store (i32.const 4108) (i32.const 12288)) (i32.store (i32.const 4112) (i32.const 4))))
  (call $model.chat (i32.const 4096) (i32.const 1) (i32.const 64) (i32.const 0) (f32.const 0) (i32.const 4200) (i32.const {tools}) (i32.const 512))
  (if (call $refused) (then (unreachable))))
