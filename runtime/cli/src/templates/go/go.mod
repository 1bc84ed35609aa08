module {{name_}}

go 1.24
