;; Calls itself by a name of nearly a mebibyte: it is not loaded, and its name is in no error.
;; ends: unloadable description
(func $attack (param $info i32))
(func $start
  (call $pages (i32.const 32))
  (call $fill (i32.const 131072) (i32.const 0x61) (i32.const 1000000))
  (i32.store (i32.const 1024) (i32.const 131072))
  (i32.store (i32.const 1028) (i32.const 1000000)))
(start $start)
