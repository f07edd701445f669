"""What the drivers of random requests share."""

import hypothesis


def send_all(operation, task, send):
    """Make the cases of an operation of schemathesis, as many as the task says and from its seed, and send each."""

    @hypothesis.seed(task["seed"])
    @hypothesis.settings(
        max_examples=task["examples"],
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def send_case(case):
        send(case)

    send_case()
