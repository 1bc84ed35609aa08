;; Says that it speaks {language}, which is no language but work for the host's voices: it is not loaded.
;; each language: aa;aa | ../aa | aa\0aa | aa aa | --aaa | \00\00\00\00\00
;; ends: unloadable languages
(data (i32.const 76) "{language}")
(func $attack (param $info i32))
