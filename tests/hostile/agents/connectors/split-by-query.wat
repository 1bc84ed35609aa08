;; Writes {value} into a query: it arrives as what it is, and splits no request.
;; each value: \0d\0ax-smuggled: 1\0d\0a | 1 HTTP/1.1\0d\0ax-smuggled: 1\0d\0a\0d\0aGET /anne/secret | \00\00 | &a=b#/../../anne | \c2\85x-smuggled: 1
;; ends: done
(data (i32.const 4096) "crm\00")
(data (i32.const 4112) "list\00")
(data (i32.const 4128) "\00\11\00\00\01\00\00\00\00\12\00\00\30\00\00\00")
(data (i32.const 4352) "q")
(data (i32.const 4608) "{value}                                                ")
(func $attack (param $info i32)
  (call $connectors.send (i32.const 4096) (i32.const 3) (i32.const 0) (i32.const 4112) (i32.const 4)
    (i32.const 4128) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (if (call $refused) (then (unreachable))))
