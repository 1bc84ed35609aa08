module parloir

go 1.24
