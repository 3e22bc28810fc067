"""A task that fails twice before it works, tried again after growing pauses."""

from itertools import count

from headrace import flow, task

attempts = count(1)


class ServiceBusyError(Exception):
    """What a service raises that may work in a moment."""


@task(retries=3, retry_delay_seconds=[0.1, 0.2, 0.4])
def ask_the_service() -> str:
    attempt = next(attempts)
    if attempt < 3:
        raise ServiceBusyError(f"busy, attempt {attempt}")
    return f"answered at attempt {attempt}"


@flow
def patient() -> str:
    return ask_the_service().result()


if __name__ == "__main__":
    print(patient())
