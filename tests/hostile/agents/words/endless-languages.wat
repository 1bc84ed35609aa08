;; Describes itself with a list of {count} languages, or of abilities, that lie over one another in its memory: it is not loaded, and the host makes no such list.
;; each count, fields: three million = \40\00\00\00\07\00\00\00\47\00\00\00\05\00\00\00\00\00\02\00\80\ee\36\00\38\04\00\00\06\00\00\00 | a quarter of a million = \40\00\00\00\07\00\00\00\47\00\00\00\05\00\00\00\00\00\02\00\00\d0\03\00\38\04\00\00\06\00\00\00 | as many as a number holds = \40\00\00\00\07\00\00\00\47\00\00\00\05\00\00\00\00\00\02\00\ff\ff\ff\ff\38\04\00\00\06\00\00\00 | two to the twenty-ninth = \40\00\00\00\07\00\00\00\47\00\00\00\05\00\00\00\00\00\02\00\00\00\00\20\38\04\00\00\06\00\00\00
;; ends: unloadable fuel | out of bounds | limit | languages | host-call | allocat
;; without: describe
(data (i32.const 1024) "{fields}")
(func (export "describe") (result i32)
  (call $pages (i32.const 480))
  (i32.const 1024))
(func $attack (param $info i32))
