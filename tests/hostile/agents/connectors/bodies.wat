;; Sends {what}: it is refused, and nothing leaves.
;; each what, method, text, at, length: a body by get = 0 = {} = 8192 = 2 | half of an object = 1 = {\22a\22: = 8192 = 5 | two values = 1 = {} {} = 8192 = 5 | words = 1 = GET / HTTP/1.1 = 8192 = 14 | a body past its bound = 1 = 1 = 131072 = 65537
;; ends: done
;; refused: connectors.send invalid
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "list\00")
(data (i32.const 8192) "{text}")
(func $attack (param $info i32)
  (call $pages (i32.const 4))
  (call $fill (i32.const 131072) (i32.const 0x31) (i32.const 65537))
  (call $connectors.send (i32.const 4096) (i32.const 3) (i32.const {method}) (i32.const 5120) (i32.const 4)
    (i32.const 0) (i32.const 0) (i32.const 1) (i32.const {at}) (i32.const {length}) (i32.const 512))
  (call $must-refuse))
