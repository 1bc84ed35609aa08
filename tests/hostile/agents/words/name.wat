;; Calls itself by a name that a terminal obeys or a reader takes for another line, {name}: it is not loaded.
;; each name: \1b[2J   | \0aowned  | \c2\9b2J    | \e2\80\aenwo  | owned\0d  | own\00ed  | \07\07\07\07\07\07\07
;; ends: unloadable description
(data (i32.const 64) "{name}")
(func $attack (param $info i32))
