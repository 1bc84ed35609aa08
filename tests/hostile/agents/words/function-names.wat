;; Traps in functions whose names are {what}: its failure is told with those names as what they are, and with no more of them than a reader takes.
;; each what, name: commands for a terminal = \1b]0;owned\07\1b[2J | lines of the host's = \0a   9.999  end        done (0 s; agent CPU 0 ms) | turned around = \e2\80\aereversed
;; ends: trap unreachable
(func $"{name}" (unreachable))
(func $"{name} 2" (call $"{name}"))
(func $attack (param $info i32) (call $"{name} 2"))
