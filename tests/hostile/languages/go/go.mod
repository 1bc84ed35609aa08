module reaches

go 1.24
