"""One servicer a proto: checks what it is asked, calls one noun below, and answers in the contract's words."""
