module everycall

go 1.24
