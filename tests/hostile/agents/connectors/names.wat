;; Sends a request to {name}, which is no connector of its line: it is refused, whatever the name says.
;; each name: anne-crm | https://127.0.0.1/anne/secret | http://169.254.169.254/latest/meta-data/ | anne/anne-crm | anne:anne-crm | ../anne/anne-crm | crm/../anne-crm | CRM | crm%00 | crm%2fanne | \20crm | crm\09 | crm\0d\0ahost: anne | * | file:///etc/passwd | localhost | crm@127.0.0.1
;; ends: done
;; recording: never
;; refused: connectors.send not-permitted/invalid
(data (i32.const 4096) "{name}\00")
(data (i32.const 5120) "secret\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  (call $must-refuse))
