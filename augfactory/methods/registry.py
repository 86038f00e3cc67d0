"""Every method, one line each."""

from augfactory.methods.method import Method

METHODS: dict[str, Method] = {
    method.name: method
    for method in ()
}
