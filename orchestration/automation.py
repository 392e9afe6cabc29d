"""The sensor that evaluates automation conditions: what they are stands with the assets."""

import dagster as dg


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that watches every asset with a condition, stopped until turned on."""
    return dg.AutomationConditionSensorDefinition(
        "retrain_on_new_data",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Runs assets with new code, or with inputs that have new data and passed their checks. "
        "Datasets are left to the schedule.",
    )
