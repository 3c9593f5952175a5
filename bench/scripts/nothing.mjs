// bare node
