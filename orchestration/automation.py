"""The sensor that evaluates automation conditions: a new data version starts a retrain."""

import dagster as dg


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that watches every asset with a condition, stopped until turned on."""
    return dg.AutomationConditionSensorDefinition(
        "retrain_on_new_data",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Runs assets whose inputs have new data versions and passed their blocking checks.",
    )
