;; Sends the model {what} without a letter, which cost no tokens and take room in what is sent all the same: it is refused.
;; each what, message, tools: 129 tools = \01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00 = 129 | 2000 tools = \01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00 = 2000 | 1001 calls of tools = \02\00\00\00\00\00\00\00\00\00\00\00\00\20\00\00\e9\03\00\00 = 0
;; ends: done
;; refused: model.chat invalid
(data (i32.const 4096) "{message}")
(func $attack (param $info i32)
  ;; From 8192 to the heap everything is zero: names, descriptions and arguments at no address, of no length.
  (call $pages (i32.const 4))
  (call $model.chat (i32.const 4096) (i32.const 1) (i32.const 64) (i32.const 0) (f32.const 0)
    (i32.const 8192) (i32.const {tools}) (i32.const 512))
  (call $must-refuse))
