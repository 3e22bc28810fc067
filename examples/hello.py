"""The smallest flow: two tasks, the second of which takes what the first one gives."""

from headrace import flow, task


@task
def fetch_name() -> str:
    return "Headrace"


@task
def greet(name: str) -> str:
    return f"Hello, {name}!"


@flow
def hello() -> str:
    name = fetch_name()  # a future: the task is on its way
    greeting = greet(name)  # a future as an argument is a dependency
    return greeting.result()


if __name__ == "__main__":
    print(hello())
