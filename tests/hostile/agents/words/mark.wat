;; Calls itself by a name with {what} in it, which turns or hides the words beside it: it is not loaded.
;; each what, mark: a mark of Arabic letters = \d8\9c | an order from right to left = \e2\80\ae | an isolate = \e2\81\a7 | shapes that are swapped = \e2\81\ab | a space without width = \e2\80\8b | what joins two letters = \e2\80\8d | what parts two letters = \e2\80\8c | a joiner of words = \e2\81\a0 | a sum that is not seen = \e2\81\a4 | a mark that begins files = \ef\bb\bf | a vowel that is not seen = \e1\a0\8e | a letter that is not seen = \e3\85\a4 | a tag = \f3\a0\81\81
;; ends: unloadable name
(data (i32.const 64) "a{mark}b.c")
(func $attack (param $info i32))
