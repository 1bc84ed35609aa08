;; Asks its connector for the path {path}: no path leads out of the connector's own address.
;; each path: ../anne/secret | .. | ./../anne/secret | a/../../anne/secret | /anne/secret | //127.0.0.1/anne/secret | https://127.0.0.1/anne/secret | a//../../anne/secret | ..\5canne\5csecret | %2e%2e/anne/secret | %2e%2e%2fanne%2fsecret | ..%2fanne/secret | ..%c0%af | ..;/anne/secret | ..;a=b/anne/secret | a?q=/../anne | a#b | a\0d\0ax-smuggled: 1 | a\09b | a\c2\85b | .
;; ends: done
;; refused: connectors.send invalid
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "{path}\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  (call $must-refuse))
