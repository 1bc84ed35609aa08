;; Asks its connector for a path with {what}, which some services take for the folder above: no path leads out of the connector's own address.
;; each what, path: dots and a space = .. /anne/secret | dots and a space that does not break = ..\c2\a0/anne/secret | a space and dots = \20../anne/secret | dots and a wide space = ..\e3\80\80/anne/secret | a dot and a space = a/. /../anne | dots and a space before a parameter = .. ;a/anne/secret | a space alone = a/ /anne | dots and a space without width = ..\e2\80\8b/anne/secret | dots and a mark that begins files = ..\ef\bb\bf/anne/secret | a mark that joins words and dots = \e2\81\a0../anne/secret | a space between dots = . ./anne/secret | a hyphen that is not seen between dots = .\c2\ad./anne/secret
;; ends: done
;; refused: connectors.send invalid
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "{path}\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  (call $must-refuse))
