;; Reads the neighbouring tenant's document by the name {name}: no name leads out of the tenant's own folder.
;; each name: ../anne/secret.txt | ../../documents/anne/secret.txt | ./../anne/secret.txt | ..//anne//secret.txt | ../anne/./secret.txt | own.txt/../../anne/secret.txt | sub/../../anne/secret.txt | ..\5canne\5csecret.txt | %2e%2e/anne/secret.txt | %2e%2e%2fanne%2fsecret.txt | ..%2fanne/secret.txt | ..%c0%afanne/secret.txt | ....//anne/secret.txt | \ef\bc\8e\ef\bc\8e/anne/secret.txt | ..\e2\81\84anne\e2\81\84secret.txt | anne/secret.txt | /anne/secret.txt | ~/secret.txt | link.txt | linked/secret.txt | secret.txt | file:///etc/passwd | /etc/passwd | /proc/self/environ | /proc/self/fd/0 | /proc/self/root/etc/passwd | /dev/stdin | .. | . | / | .hidden.txt | keys.pem | sub/inner.txt | CON | ../token
;; ends: done
;; refused: documents.read unavailable/invalid
(data (i32.const 4096) "{name}\00")
(func $attack (param $info i32)
  (call $documents.read (i32.const 4096) (call $len (i32.const 4096)) (i32.const 512))
  (call $must-refuse))
