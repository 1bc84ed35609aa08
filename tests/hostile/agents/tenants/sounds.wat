;; Plays a file that is no sound of its line, {name}: it is refused.
;; each name: ../anne/secret.txt | /etc/passwd | .. | .hidden.wav | \ef\bc\8e\ef\bc\8e | link.wav | a/b.wav | a\5cb.wav | a b.wav | a\0db.wav | notes.wav | ../sounds-of-anne/hello.wav | elsewhere.wav
;; ends: done
;; refused: call.play unavailable/invalid
(data (i32.const 4096) "{name}\00")
(func $attack (param $info i32)
  (call $call.play (i32.const 4096) (call $len (i32.const 4096)) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $must-refuse))
