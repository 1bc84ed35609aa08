;; Exports nothing of what an agent is: it is not loaded.
;; ends: unloadable world
;; kind: component
(component (core module (memory 1)))
