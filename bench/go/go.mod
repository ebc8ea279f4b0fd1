module muster.example/bench

go 1.21
