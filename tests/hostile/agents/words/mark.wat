;; Calls itself by a name with {what} in it, which turns or hides the words beside it: it is not loaded.
;; each what, mark: a mark of Arabic letters = \d8\9c | an order from right to left = \e2\80\ae | an isolate = \e2\81\a7 | shapes that are swapped = \e2\81\ab
;; ends: unloadable name
(data (i32.const 64) "a{mark}b.c")
(func $attack (param $info i32))
