// No program and no map.
char _license[] __attribute__((section("license"), used)) = "GPL";
