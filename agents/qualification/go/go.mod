module qualification

go 1.24
